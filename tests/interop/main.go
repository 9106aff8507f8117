// An independent verifier of the disclosure log: golang.org/x/mod/sumdb reads what our code wrote to a folder.
//
//	oracle log FOLDER     verifies a whole log; says how much it verified, or fails with the first fault
//	oracle notes FOLDER   says for each note whether it is accepted, and which layer refuses it
//	oracle paths FOLDER   says where tiles lie
//
// The folder holds
//
//	origin                     the log's origin, one line
//	keys                       verifier keys, one a line: the log's Ed25519 key, then its witnesses'
//	checkpoints/*              signed checkpoints (c2sp.org/tlog-checkpoint)
//	tile/...                   tiles and entry bundles of all these sizes, and no others (c2sp.org/tlog-tiles)
//	proofs/*                   inclusion proofs (c2sp.org/tlog-proof)
//	consistency/<from>-<to>    consistency proofs, one hash a line
//	notes/*                    for oracle notes only
//	tiles                      for oracle paths only: level (-1: entries), index and width of a tile, one a line
//
// Nothing here is ours but the parts that the library lacks: the checkpoint's three lines, cosignatures, entry
// bundles, the text of a proof, and the opening that our proofs carry.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

func main() {
	commands := map[string]func(string) (interface{}, error){
		"log": verifyLog, "notes": judgeNotes, "paths": tilePaths,
	}
	if len(os.Args) != 3 || commands[os.Args[1]] == nil {
		fail(errors.New("usage: oracle log|notes|paths FOLDER"))
	}
	found, err := commands[os.Args[1]](os.Args[2])
	if err != nil {
		fail(err)
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func judgeNotes(folder string) (interface{}, error) {
	keys, err := readKeys(folder)
	if err != nil {
		return nil, err
	}
	verdicts := map[string]string{}
	err = eachFile(folder, "notes/*", func(name string, data []byte) error {
		_, _, err := keys.checkpoint(data)
		switch {
		case err == nil:
			verdicts[name] = "accepted"
		case errors.Is(err, errNote):
			verdicts[name] = "note"
		default:
			verdicts[name] = "body"
		}
		return nil
	})
	return verdicts, err
}

func tilePaths(folder string) (interface{}, error) {
	lines, err := os.ReadFile(filepath.Join(folder, "tiles"))
	if err != nil {
		return nil, err
	}
	paths := []string{}
	for _, line := range strings.Split(strings.TrimSuffix(string(lines), "\n"), "\n") {
		tile := tlog.Tile{H: tileHeight}
		if _, err := fmt.Sscan(line, &tile.L, &tile.N, &tile.W); err != nil {
			return nil, err
		}
		paths = append(paths, path(tile))
	}
	return paths, nil
}

func eachFile(folder, pattern string, read func(name string, data []byte) error) error {
	files, err := filepath.Glob(filepath.Join(folder, pattern))
	if err != nil {
		return err
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if err := read(filepath.Base(file), data); err != nil {
			return fmt.Errorf("%s: %w", strings.TrimPrefix(file, folder), err)
		}
	}
	return nil
}
