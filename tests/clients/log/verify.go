package main

import (
	"encoding/binary"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// The height of a tile in C2SP's tlog-tiles: 256 hashes.
const tileHeight = 8

const bundleWidth = 1 << tileHeight

// No file of a log is longer: a bundle of 256 entries of 64 KiB.
const bytesMax = 17 << 20

// A published log, with what was fetched of it.
type site struct {
	client *http.Client
	url    string
	mirror string
	files  map[string][]byte
}

func newSite(url, mirror string) *site {
	transport := &http.Transport{}
	transport.RegisterProtocol("file", http.NewFileTransport(http.Dir("/")))
	return &site{&http.Client{Transport: transport}, url, mirror, map[string][]byte{}}
}

// Verifies a published log; older may name a file with one older checkpoint.
func verify(log *site, key, older string) error {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return fmt.Errorf("the verifier key: %w", err)
	}
	signed, err := log.fetch("checkpoint")
	if err != nil {
		return err
	}
	tree, err := openCheckpoint(signed, verifier)
	if err != nil {
		return fmt.Errorf("the checkpoint: %w", err)
	}
	hashes := tlog.TileHashReader(tree, log)
	for first := int64(0); first < tree.N; first += bundleWidth {
		if err := verifyBundle(log, tree, hashes, first); err != nil {
			return err
		}
	}
	fmt.Printf("verified: %d entries, root %x\n", tree.N, tree.Hash[:])
	if older == "" {
		return nil
	}
	return verifyOlder(older, verifier, tree, hashes)
}

// Checks the entries of one bundle, each by its own proof of inclusion.
func verifyBundle(log *site, tree tlog.Tree, hashes tlog.HashReader, first int64) error {
	path := bundlePath(first/bundleWidth, tree.N-first)
	bundle, err := log.fetch(path)
	if err != nil {
		return err
	}
	for index := first; index < tree.N && index < first+bundleWidth; index++ {
		var entry []byte
		if entry, bundle, err = nextEntry(bundle); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		proof, err := tlog.ProveRecord(tree.N, index, hashes)
		if err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
		if err := tlog.CheckRecord(proof, tree.N, tree.Hash, index, tlog.RecordHash(entry)); err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
	}
	if len(bundle) > 0 {
		return fmt.Errorf("%s: %d bytes stand after its last entry", path, len(bundle))
	}
	return nil
}

// Checks that the tree of an older checkpoint is the beginning of this one.
func verifyOlder(file string, verifier note.Verifier, tree tlog.Tree, hashes tlog.HashReader) error {
	signed, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	older, err := openCheckpoint(signed, verifier)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	proof, err := tlog.ProveTree(tree.N, older.N, hashes)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	if err := tlog.CheckTree(proof, tree.N, tree.Hash, older.N, older.Hash); err != nil {
		return fmt.Errorf("%s: the history before entry %d was rewritten: %w", file, older.N, err)
	}
	fmt.Printf("consistent with the log of %d entries\n", older.N)
	return nil
}

// Takes the first entry off a bundle: it stands after its length in two bytes.
func nextEntry(bundle []byte) (entry, rest []byte, err error) {
	if len(bundle) < 2 {
		return nil, nil, io.ErrUnexpectedEOF
	}
	length := int(binary.BigEndian.Uint16(bundle))
	if len(bundle) < 2+length {
		return nil, nil, io.ErrUnexpectedEOF
	}
	return bundle[2 : 2+length], bundle[2+length:], nil
}

// Where a bundle is of which so many entries are in the log: its path is that of a tile of level 0.
func bundlePath(index, entries int64) string {
	width := bundleWidth
	if entries < bundleWidth {
		width = int(entries)
	}
	tile := tlog.Tile{H: tileHeight, L: 0, N: index, W: width}
	return strings.Replace(publishedPath(tile), "tile/0/", "tile/entries/", 1)
}

// C2SP has no height in the paths of tiles: it is always the same.
func publishedPath(tile tlog.Tile) string {
	return strings.Replace(tile.Path(), fmt.Sprintf("tile/%d/", tileHeight), "tile/", 1)
}

// Height, ReadTiles and SaveTiles are what Go's verifier wants of a log. It checks what ReadTiles gives against the root.
func (log *site) Height() int { return tileHeight }

func (log *site) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		var err error
		if data[i], err = log.fetch(publishedPath(tile)); err != nil {
			return nil, err
		}
	}
	return data, nil
}

func (log *site) SaveTiles([]tlog.Tile, [][]byte) {}

// Fetches a file of the log, once.
func (log *site) fetch(path string) ([]byte, error) {
	if data, ok := log.files[path]; ok {
		return data, nil
	}
	answer, err := log.client.Get(log.url + "/" + path)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", path, answer.Status)
	}
	data, err := io.ReadAll(io.LimitReader(answer.Body, bytesMax))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	log.files[path] = data
	if log.mirror == "" {
		return data, nil
	}
	file := filepath.Join(log.mirror, filepath.FromSlash(path))
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return nil, err
	}
	return data, os.WriteFile(file, data, 0o644)
}
