# Airflow with this project in it, for docker-compose.yaml or a Helm chart's images.
FROM apache/airflow:3.3.2

# The staging volume takes over this folder with its owner, the image's own user.
RUN mkdir -p /opt/airflow/staging /opt/airflow/config

COPY --chown=airflow:0 pyproject.toml README.md LICENSE constraints.txt /opt/airflow/source/
COPY --chown=airflow:0 airflow_integrations /opt/airflow/source/airflow_integrations
# Named again, so that pip cannot exchange the image's Airflow for another.
RUN pip install --no-cache-dir --constraint /opt/airflow/source/constraints.txt \
        "apache-airflow==${AIRFLOW_VERSION}" "/opt/airflow/source[postgres,celery,git]" \
    && airflow-integrations --version

COPY --chown=airflow:0 dags /opt/airflow/dags
