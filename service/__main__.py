"""`python -m service` is `sluicegate`."""

from service.cli import main

if __name__ == "__main__":
    main()
