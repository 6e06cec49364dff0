"""What keeps numeric libraries on one thread, set before they are loaded. It imports nothing."""

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
