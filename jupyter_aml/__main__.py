"""``python -m jupyter_aml`` is the `aml` command."""

from jupyter_aml.cli.main import main

if __name__ == "__main__":
    main()
