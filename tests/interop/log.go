package main

// A log in a folder: checkpoints, tiles, entry bundles and proofs verified together.

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const tileHeight = 8

// Verified counts what was verified, so that an empty folder is not mistaken for a sound log.
type Verified struct {
	Sizes        []int64 `json:"sizes"`
	Cosignatures int     `json:"cosignatures"`
	Unknown      int     `json:"unknown"` // signature lines of keys that are not in the folder
	Tiles        int     `json:"tiles"`   // files, bundles included
	Entries      int64   `json:"entries"` // records compared with level 0, once for each size
	Inclusion    int     `json:"inclusion"`
	Consistency  int     `json:"consistency"`
	Openings     int     `json:"openings"`
}

// aLog is a folder under verification.
type aLog struct {
	folder   string
	keys     trusted
	heads    map[int64]tlog.Tree
	read     map[string]bool // tile and bundle files that some size needs
	verified Verified
}

func verifyLog(folder string) (interface{}, error) {
	keys, err := readKeys(folder)
	if err != nil {
		return nil, err
	}
	log := &aLog{folder: folder, keys: keys, heads: map[int64]tlog.Tree{}, read: map[string]bool{}}
	steps := []struct {
		pattern string
		verify  func(name string, data []byte) error
	}{
		{"checkpoints/*", log.checkpoint},
		{"proofs/*", log.proof},
		{"consistency/*", log.consistency},
	}
	for _, step := range steps {
		if err := eachFile(folder, step.pattern, step.verify); err != nil {
			return nil, err
		}
	}
	return log.verified, log.nothingElse()
}

// checkpoint verifies a signed checkpoint, every tile of its tree and every entry below it.
func (log *aLog) checkpoint(name string, data []byte) error {
	tree, err := log.open(data)
	if err != nil {
		return err
	}
	if _, again := log.heads[tree.N]; again {
		return fmt.Errorf("a second checkpoint of size %d", tree.N)
	}
	log.heads[tree.N] = tree
	log.verified.Sizes = append(log.verified.Sizes, tree.N)
	return log.entries(tree)
}

// open verifies the signatures of a checkpoint and counts them.
func (log *aLog) open(data []byte) (tlog.Tree, error) {
	opened, tree, err := log.keys.checkpoint(data)
	if err != nil {
		return tlog.Tree{}, err
	}
	log.verified.Cosignatures += len(opened.Sigs) - 1
	log.verified.Unknown += len(opened.UnverifiedSigs)
	return tree, nil
}

// entries compares every record with the leaf hashes that the tiles prove.
func (log *aLog) entries(tree tlog.Tree) error {
	indexes := make([]int64, tree.N)
	for n := range indexes {
		indexes[n] = tlog.StoredHashIndex(0, int64(n))
	}
	leaves, err := log.hashes(tree).ReadHashes(indexes)
	if err != nil {
		return err
	}
	for start := int64(0); start < tree.N; start += 1 << tileHeight {
		bundle, err := log.bundle(tree.N, start>>tileHeight)
		if err != nil {
			return err
		}
		for i, record := range bundle {
			if tlog.RecordHash(record) != leaves[start+int64(i)] {
				return fmt.Errorf("entry %d is not the leaf of its tile", start+int64(i))
			}
			log.verified.Entries++
		}
	}
	return nil
}

// bundle returns the records of one entry bundle of a tree: as many as the tile beside it has hashes.
func (log *aLog) bundle(size, n int64) ([][]byte, error) {
	tile := tlog.Tile{H: tileHeight, L: -1, N: n, W: 1 << tileHeight}
	if left := size - n<<tileHeight; left < int64(tile.W) {
		tile.W = int(left)
	}
	data, err := log.file(tile)
	if err != nil {
		return nil, err
	}
	var records [][]byte
	for len(data) > 0 {
		if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
			return nil, fmt.Errorf("%s ends within an entry", path(tile))
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		records, data = append(records, data[2:end]), data[end:]
	}
	if len(records) != tile.W {
		return nil, fmt.Errorf("%s has %d entries", path(tile), len(records))
	}
	return records, nil
}

// proof verifies an inclusion proof, and rebuilds its text from the tiles.
func (log *aLog) proof(name string, data []byte) error {
	proof, err := parseProof(data)
	if err != nil {
		return err
	}
	tree, err := log.open(proof.checkpoint)
	if err != nil {
		return err
	}
	if log.heads[tree.N] != tree {
		return fmt.Errorf("no checkpoint of size %d with this root", tree.N)
	}
	if proof.index >= tree.N {
		return fmt.Errorf("entry %d is not in a tree of size %d", proof.index, tree.N)
	}
	bundle, err := log.bundle(tree.N, proof.index>>tileHeight)
	if err != nil {
		return err
	}
	record := bundle[proof.index&(1<<tileHeight-1)]
	if err := tlog.CheckRecord(proof.hashes, tree.N, tree.Hash, proof.index, tlog.RecordHash(record)); err != nil {
		return err
	}
	if proof.hashes, err = tlog.ProveRecord(tree.N, proof.index, log.hashes(tree)); err != nil {
		return err
	}
	if !bytes.Equal(proof.text(), data) {
		return errors.New("the proof rebuilt from the tiles is another text")
	}
	log.verified.Inclusion++
	if len(proof.extra) == 0 {
		return nil
	}
	log.verified.Openings++
	return checkOpening(proof.extra, record)
}

// consistency verifies a consistency proof, and rebuilds it from the tiles of the later tree.
func (log *aLog) consistency(name string, data []byte) error {
	var from, to int64
	if _, err := fmt.Sscanf(name, "%d-%d", &from, &to); err != nil {
		return err
	}
	before, after := log.heads[from], log.heads[to]
	if before.N == 0 || after.N == 0 {
		return errors.New("no checkpoints of these sizes")
	}
	hashes, err := parseHashes(string(data))
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(hashes, after.N, after.Hash, before.N, before.Hash); err != nil {
		return err
	}
	rebuilt, err := tlog.ProveTree(after.N, before.N, log.hashes(after))
	if err != nil {
		return err
	}
	if formatHashes(rebuilt) != string(data) {
		return errors.New("the proof rebuilt from the tiles is another one")
	}
	log.verified.Consistency++
	return nil
}

// nothingElse fails on a tile or bundle that no size needs: its path or width would be wrong.
func (log *aLog) nothingElse() error {
	return filepath.Walk(filepath.Join(log.folder, "tile"), func(file string, entry os.FileInfo, err error) error {
		if err == nil && !entry.IsDir() && !log.read[file] {
			err = fmt.Errorf("%s: no checkpoint needs this file", file)
		}
		return err
	})
}

// hashes reads a tree through its tiles, and proves each of them under the tree's root.
func (log *aLog) hashes(tree tlog.Tree) tlog.HashReader {
	return tlog.TileHashReader(tree, log)
}

func (log *aLog) Height() int { return tileHeight }

func (log *aLog) SaveTiles([]tlog.Tile, [][]byte) {}

func (log *aLog) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		var err error
		if data[i], err = log.file(tile); err != nil {
			return nil, err
		}
	}
	return data, nil
}

func (log *aLog) file(tile tlog.Tile) ([]byte, error) {
	name := filepath.Join(log.folder, path(tile))
	if !log.read[name] {
		log.read[name] = true
		log.verified.Tiles++
	}
	return os.ReadFile(name)
}

// path is the library's path without the height, and with the name that tlog-tiles gives to the level of records.
func path(tile tlog.Tile) string {
	short := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight))
	return "tile/" + strings.Replace(short, "data/", "entries/", 1)
}
