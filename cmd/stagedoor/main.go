// Command stagedoor stands in for API Gateway and Lambda, with AWS's
// permission checks. See package cli for its commands.
package main

import (
	"os"

	"github.com/stagedoor/stagedoor/internal/cli"
)

// version is set by the release build.
var version string

func main() {
	os.Exit(cli.Main(os.Args[1:], version))
}
