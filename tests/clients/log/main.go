// What others do with a realm's log, with the code that Go verifies its own module checksums with (golang.org/x/mod/sumdb). It
// shares no line with the realm.
//
//	go run ./log verify [-older FILE] [-mirror FOLDER] URL VERIFIER-KEY
//	go run ./log witness NAME VERIFIER-KEY
//
// verify checks that every entry is in the tree that the realm has signed, and that an older checkpoint is of the same history.
// URL is http://HOST:PORT/log, or file:///FOLDER of a mirror that was kept before. witness cosigns the log with that verifier key
// (C2SP tlog-witness) with a key of its own, in memory: it says its address and its key, and serves until it is killed.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	older := flag.String("older", "", "a file with one older checkpoint")
	mirror := flag.String("mirror", "", "a folder to keep what is fetched in")
	what := ""
	if len(os.Args) > 1 {
		what = os.Args[1]
		flag.CommandLine.Parse(os.Args[2:])
	}
	if flag.NArg() != 2 || what != "verify" && what != "witness" {
		fmt.Fprintln(os.Stderr, "usage: verify [-older FILE] [-mirror FOLDER] URL KEY | witness NAME KEY")
		os.Exit(2)
	}
	var err error
	if what == "verify" {
		err = verify(newSite(flag.Arg(0), *mirror), flag.Arg(1), *older)
	} else {
		err = serveWitness(flag.Arg(0), flag.Arg(1))
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}
