"""What SDK and gateway say to each other: `event`, `receipt`, `problem`. The bundle is `contracts.source.ContractSource`."""

__all__: list[str] = []
