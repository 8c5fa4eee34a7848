// Broadcast is the emergency command line: it asks the family whether they are
// safe, with the daemon or without. See "broadcast --help".
package main

import (
	"os"

	"github.com/anpi-bot/anpi/cmd/internal/cli"
)

func main() { os.Exit(cli.Main(cli.Broadcast)) }
