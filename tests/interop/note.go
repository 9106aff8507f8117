package main

// Signed checkpoints, and the cosignatures that the library does not know.

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const cosignature = 0x04

// trusted is whose signatures count.
type trusted struct {
	origin string
	log    note.Verifier
	all    note.Verifiers
}

func readKeys(folder string) (keys trusted, err error) {
	origin, err := os.ReadFile(filepath.Join(folder, "origin"))
	if err != nil {
		return keys, err
	}
	lines, err := os.ReadFile(filepath.Join(folder, "keys"))
	if err != nil {
		return keys, err
	}
	var all []note.Verifier
	for _, vkey := range strings.Fields(string(lines)) {
		verifier, err := note.NewVerifier(vkey)
		if err != nil {
			verifier, err = newCosigner(vkey)
		}
		if err != nil {
			return keys, fmt.Errorf("%s: %w", vkey, err)
		}
		all = append(all, verifier)
	}
	if len(all) == 0 {
		return keys, errors.New("no key")
	}
	return trusted{strings.TrimSpace(string(origin)), all[0], note.VerifierList(all...)}, nil
}

// cosigner verifies the cosignatures of one witness (c2sp.org/tlog-cosignature, type 0x04).
type cosigner struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func newCosigner(vkey string) (note.Verifier, error) {
	parts := strings.SplitN(vkey, "+", 3)
	if len(parts) != 3 {
		return nil, errors.New("not a verifier key")
	}
	key, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	if err != nil || len(key) != 1+ed25519.PublicKeySize || key[0] != cosignature {
		return nil, errors.New("not a witness's key")
	}
	digest := sha256.Sum256(append([]byte(parts[0]+"\n"), key...))
	if hex.EncodeToString(digest[:4]) != parts[1] {
		return nil, errors.New("not the id of this key")
	}
	return cosigner{parts[0], binary.BigEndian.Uint32(digest[:]), key[1:]}, nil
}

func (witness cosigner) Name() string    { return witness.name }
func (witness cosigner) KeyHash() uint32 { return witness.hash }

func (witness cosigner) Verify(text, signature []byte) bool {
	if len(signature) != 8+ed25519.SignatureSize {
		return false
	}
	signed := fmt.Sprintf("cosignature/v1\ntime %d\n%s", binary.BigEndian.Uint64(signature), text)
	return ed25519.Verify(witness.key, []byte(signed), signature[8:])
}

var (
	errNote = errors.New("note")
	errBody = errors.New("body")
)

// checkpoint opens a note that the log must have signed, and reads its body strictly.
func (keys trusted) checkpoint(data []byte) (*note.Note, tlog.Tree, error) {
	opened, err := note.Open(data, keys.all)
	if err != nil {
		return nil, tlog.Tree{}, fmt.Errorf("%w: %v", errNote, err)
	}
	signed := false
	for _, signature := range opened.Sigs {
		signed = signed || signature.Name == keys.log.Name() && signature.Hash == keys.log.KeyHash()
	}
	if !signed {
		return nil, tlog.Tree{}, fmt.Errorf("%w: the log did not sign", errNote)
	}
	tree, err := parseBody(opened.Text, keys.origin)
	if err != nil {
		return nil, tlog.Tree{}, fmt.Errorf("%w: %v", errBody, err)
	}
	return opened, tree, nil
}

// parseBody reads exactly three lines: this origin, a size, a root.
func parseBody(text, origin string) (tree tlog.Tree, err error) {
	lines := strings.Split(text, "\n")
	if len(lines) != 4 || lines[3] != "" {
		return tree, errors.New("not three lines")
	}
	if lines[0] != origin {
		return tree, fmt.Errorf("another log's origin %q", lines[0])
	}
	if tree.N, err = parseDecimal(lines[1]); err != nil {
		return tree, err
	}
	root, err := base64.StdEncoding.Strict().DecodeString(lines[2])
	if err != nil || len(root) != tlog.HashSize {
		return tree, fmt.Errorf("%q is not a root", lines[2])
	}
	copy(tree.Hash[:], root)
	return tree, nil
}
