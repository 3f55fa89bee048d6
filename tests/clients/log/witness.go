package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

// The signed note's type of a cosignature/v1.
const cosignatureV1 = 4

// A witness of one log.
type witness struct {
	name string
	key  ed25519.PrivateKey
	log  note.Verifier

	mutex sync.Mutex
	// The newest tree that was cosigned.
	seen tlog.Tree
}

func serveWitness(name, logKey string) error {
	verifier, err := note.NewVerifier(logKey)
	if err != nil {
		return err
	}
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	w := &witness{name: name, key: key, log: verifier}
	fmt.Printf("url http://%s\nkey %s\n", listener.Addr(), w.vkey())
	http.HandleFunc("/add-checkpoint", w.addCheckpoint)
	return http.Serve(listener, nil)
}

func (w *witness) addCheckpoint(answer http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(io.LimitReader(request.Body, 1<<16))
	if err != nil {
		http.Error(answer, err.Error(), http.StatusBadRequest)
		return
	}
	status, text := w.judge(string(body))
	if status == http.StatusConflict {
		answer.Header().Set("Content-Type", "text/x.tlog.size")
	}
	fmt.Printf("%d\n", status)
	answer.WriteHeader(status)
	io.WriteString(answer, text)
}

// Judges a request as C2SP's tlog-witness says.
func (w *witness) judge(body string) (status int, text string) {
	head, signed, ok := strings.Cut(body, "\n\n")
	if !ok {
		return http.StatusBadRequest, "there is no checkpoint after an empty line\n"
	}
	old, proof, err := parseHead(head)
	if err != nil {
		return http.StatusBadRequest, err.Error() + "\n"
	}
	tree, err := openCheckpoint([]byte(signed), w.log)
	if err != nil {
		return http.StatusForbidden, err.Error() + "\n"
	}
	if old > tree.N {
		return http.StatusBadRequest, "the old size is larger than the new one\n"
	}

	w.mutex.Lock()
	defer w.mutex.Unlock()
	if old != w.seen.N || old == tree.N && w.seen.Hash != tree.Hash {
		return http.StatusConflict, fmt.Sprintf("%d\n", w.seen.N)
	}
	if old == 0 && len(proof) > 0 {
		return http.StatusUnprocessableEntity, "there is nothing to prove of an empty log\n"
	}
	if old > 0 {
		if err := tlog.CheckTree(proof, tree.N, tree.Hash, old, w.seen.Hash); err != nil {
			return http.StatusUnprocessableEntity, err.Error() + "\n"
		}
	}
	w.seen = tree
	checkpoint, _, _ := strings.Cut(signed, "\n\n")
	return http.StatusOK, w.cosign(checkpoint+"\n", time.Now().Unix())
}

// Reads the lines before the checkpoint: the old size, and a proof of consistency.
func parseHead(head string) (old int64, proof tlog.TreeProof, err error) {
	lines := strings.Split(head, "\n")
	if old, err = strconv.ParseInt(strings.TrimPrefix(lines[0], "old "), 10, 64); err != nil {
		return 0, nil, err
	}
	for _, line := range lines[1:] {
		hash, err := parseHash(line)
		if err != nil {
			return 0, nil, err
		}
		proof = append(proof, hash)
	}
	return old, proof, nil
}

// The signature line over a checkpoint.
func (w *witness) cosign(checkpoint string, now int64) string {
	message := fmt.Sprintf("cosignature/v1\ntime %d\n%s", now, checkpoint)
	id := w.id()
	signature := binary.BigEndian.AppendUint64(id[:], uint64(now))
	signature = append(signature, ed25519.Sign(w.key, []byte(message))...)
	return fmt.Sprintf("\u2014 %s %s\n", w.name, base64.StdEncoding.EncodeToString(signature))
}

func (w *witness) id() (id [4]byte) {
	hash := sha256.Sum256(append([]byte(w.name+"\n"), w.publicKey()...))
	copy(id[:], hash[:])
	return id
}

// The public key after its type.
func (w *witness) publicKey() []byte {
	return append([]byte{cosignatureV1}, w.key.Public().(ed25519.PublicKey)...)
}

func (w *witness) vkey() string {
	return fmt.Sprintf("%s+%x+%s", w.name, w.id(), base64.StdEncoding.EncodeToString(w.publicKey()))
}
