"""The borders at which the world takes the place of the machine: clock, disk, network, processes, Airflow."""
