"""`tidegate completion`: a shell's completion script, written from the parser itself, so that it never lags behind. Called by `main`."""

import argparse
from collections.abc import Iterator
from typing import Final

__all__ = ["SHELLS", "completion"]

SHELLS: Final = ("bash", "zsh", "fish")


def completion(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script for one of `SHELLS`."""
    commands = dict(_commands(parser))
    if shell == "fish":
        return _fish(commands)
    script = _bash(commands)
    return script if shell == "bash" else f"#compdef tidegate\nautoload -U +X bashcompinit && bashcompinit\n{script}"


def _commands(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for action in parser._actions:  # noqa: SLF001 -- argparse has no public way to its arguments
        if isinstance(action, argparse._SubParsersAction):  # noqa: SLF001 -- the same
            yield from action.choices.items()


def _options(command: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    yield from command._actions  # noqa: SLF001 -- the same


def _words(command: argparse.ArgumentParser) -> list[str]:
    words: list[str] = []
    for action in _options(command):
        words += [name for name in action.option_strings if name.startswith("--")]
        words += [str(choice) for choice in action.choices or () if not action.option_strings]
    return words


def _bash(commands: dict[str, argparse.ArgumentParser]) -> str:
    cases = "".join(f"    {name}) words='{' '.join(_words(command))}' ;;\n" for name, command in commands.items())
    return f"""_tidegate() {{
  local word=${{COMP_WORDS[COMP_CWORD]}} words
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then words='{" ".join(commands)}'; else case ${{COMP_WORDS[1]}} in
{cases}    *) words='' ;;
  esac; fi
  while IFS= read -r one; do COMPREPLY+=("$one"); done < <(compgen -W "$words" -- "$word")
  case $word in -*) ;; *) [ "$COMP_CWORD" -gt 1 ] && while IFS= read -r one; do COMPREPLY+=("$one"); done < <(compgen -f -- "$word") ;; esac
}}
complete -o filenames -F _tidegate tidegate
"""


def _fish(commands: dict[str, argparse.ArgumentParser]) -> str:
    lines = [f"complete -c tidegate -n __fish_use_subcommand -f -a '{' '.join(commands)}'"]
    for name, command in commands.items():
        seen = f"'__fish_seen_subcommand_from {name}'"
        for action in _options(command):
            said = (action.help or "").replace("'", "")
            lines += [
                f"complete -c tidegate -n {seen} -l {option[2:]} -d '{said}'"
                for option in action.option_strings
                if option.startswith("--")
            ]
            if action.choices and not action.option_strings:
                lines.append(f"complete -c tidegate -n {seen} -f -a '{' '.join(map(str, action.choices))}'")
    return "\n".join(lines) + "\n"
