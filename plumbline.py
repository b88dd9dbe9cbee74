"""The ``plumbline`` command: one thin function per verb; each imports what it needs when called."""
import typer

app = typer.Typer()

def main() -> None:
    """Run the command line."""
    app()
