"""The commands that a C# application calls: its flags, its output, its exit codes."""
