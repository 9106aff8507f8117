package main

// The texts of proofs, and the opening that ours carry.

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/tlog"
)

const proofHeader = "c2sp.org/tlog-proof@v1\n"

// aProof is a tlog-proof, taken apart.
type aProof struct {
	extra      []byte
	index      int64
	hashes     []tlog.Hash
	checkpoint []byte
}

func parseProof(data []byte) (proof aProof, err error) {
	if !bytes.HasPrefix(data, []byte(proofHeader)) {
		return proof, errors.New("not a proof of this version")
	}
	head, checkpoint, _ := strings.Cut(string(data[len(proofHeader):]), "\n\n")
	proof.checkpoint = []byte(checkpoint)
	lines := strings.SplitAfterN(head+"\n", "\n", 2)
	if strings.HasPrefix(lines[0], "extra ") {
		extra := strings.TrimSuffix(strings.TrimPrefix(lines[0], "extra "), "\n")
		if proof.extra, err = base64.StdEncoding.Strict().DecodeString(extra); err != nil {
			return proof, err
		}
		lines = strings.SplitAfterN(lines[1], "\n", 2)
	}
	if !strings.HasPrefix(lines[0], "index ") {
		return proof, errors.New("no index")
	}
	index := strings.TrimSuffix(strings.TrimPrefix(lines[0], "index "), "\n")
	if proof.index, err = parseDecimal(index); err != nil {
		return proof, err
	}
	proof.hashes, err = parseHashes(lines[1])
	return proof, err
}

func (proof aProof) text() []byte {
	var text bytes.Buffer
	text.WriteString(proofHeader)
	if len(proof.extra) > 0 {
		fmt.Fprintf(&text, "extra %s\n", base64.StdEncoding.EncodeToString(proof.extra))
	}
	fmt.Fprintf(&text, "index %d\n%s\n%s", proof.index, formatHashes(proof.hashes), proof.checkpoint)
	return text.Bytes()
}

// checkOpening opens the commitment of a record with what a recipient holds:
// salt (32) | internal commitment (32) | length of the record (2) | record | recipient part.
func checkOpening(extra, record []byte) error {
	if len(extra) < 66+len(record) || !bytes.Equal(extra[66:66+len(record)], record) {
		return errors.New("the extra data is not about this entry")
	}
	if int(binary.BigEndian.Uint16(extra[64:])) != len(record) {
		return errors.New("the extra data gives another length of its entry")
	}
	recipient := hmac.New(sha256.New, extra[:32])
	recipient.Write(extra[66+len(record):])
	commitment := sha256.Sum256(append(recipient.Sum(nil), extra[32:64]...))
	var entry struct {
		C string `json:"c"`
	}
	if err := json.Unmarshal(record, &entry); err != nil {
		return err
	}
	if entry.C != hex.EncodeToString(commitment[:]) {
		return errors.New("the extra data does not open the entry's commitment")
	}
	return nil
}

func parseHashes(lines string) (hashes []tlog.Hash, err error) {
	for _, line := range strings.Split(strings.TrimSuffix(lines, "\n"), "\n") {
		if line == "" && len(hashes) == 0 {
			break
		}
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, hash)
	}
	return hashes, nil
}

func formatHashes(hashes []tlog.Hash) string {
	var lines strings.Builder
	for _, hash := range hashes {
		lines.WriteString(hash.String() + "\n")
	}
	return lines.String()
}

// parseDecimal accepts one spelling of each number.
func parseDecimal(text string) (int64, error) {
	number, err := strconv.ParseInt(text, 10, 64)
	if err == nil && (number < 0 || strconv.FormatInt(number, 10) != text) {
		err = fmt.Errorf("%q is not a canonical number", text)
	}
	return number, err
}
