"""`python -m tiefvision`: the command line, where the script `tiefvision` is not on the path."""

from tiefvision.cli import main

if __name__ == "__main__":
    main()
