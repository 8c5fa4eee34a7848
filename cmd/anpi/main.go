// Anpi is the daemon that watches over a family's safety checks, and its
// household commands. See "anpi --help".
package main

import (
	"os"

	"github.com/anpi-bot/anpi/cmd/internal/cli"
)

func main() { os.Exit(cli.Main(cli.Anpi)) }
