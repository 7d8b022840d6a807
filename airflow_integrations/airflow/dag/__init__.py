"""Route files as DAGs: loading, schedules, assets, run configuration, pools."""
