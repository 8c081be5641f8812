package store

import (
	"errors"
	"fmt"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/stagedoor/stagedoor/internal/state"
)

// What reads and writes of records report; test with errors.Is.
var (
	// ErrNotFound: no record has this key.
	ErrNotFound = errors.New("record not found")
	// ErrExists: Create met a record that is there.
	ErrExists = errors.New("record exists")
	// ErrConflict: another writer was first. Update retries by itself and
	// reports it only when it lost many times in a row.
	ErrConflict = errors.New("record was changed by another writer")
	// ErrTooLarge: the record, compressed, is over the server's message limit.
	ErrTooLarge = errors.New("record too large")
	// ErrUnwritable: the data directory's disk is full or broken. The write that
	// met it was not acknowledged; nothing is written until a restart.
	ErrUnwritable = errors.New("the state cannot be written any more")
	// ErrClosed: the store is closed.
	ErrClosed = errors.New("store is closed")
)

// CorruptError reports a record or blob whose bytes are not what was written.
type CorruptError struct {
	What string // "record KEY", "blob DIGEST" …
	Err  error
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s is damaged: %v. Nothing was served from it; "+
		"start with an empty data directory and load the last export with \"stagedoor import FILE\"", e.What, e.Err)
}

func (e *CorruptError) Unwrap() error { return e.Err }

func corrupt(key state.Key, err error) error {
	return &CorruptError{What: "record " + string(key), Err: err}
}

func keyError(err error, key state.Key) error {
	return fmt.Errorf("%w: %s", err, key)
}

// wrongLastSequenceConstant is nats-server's other code for a sequence that is
// not the expected one (JSStreamWrongLastSequenceConstantErr), whose text leaves
// the number out; nats.go has no name for it.
const wrongLastSequenceConstant jetstream.ErrorCode = 10164

// isWrongLast reports a failed compare-and-set.
func isWrongLast(err error) bool {
	var api *jetstream.APIError
	return errors.As(err, &api) && (api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence || api.ErrorCode == wrongLastSequenceConstant)
}
