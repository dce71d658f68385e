module tidegate.example/consumer

go 1.26.0
