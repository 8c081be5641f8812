package console

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"io"
	"sync"
	"time"
)

// formLife is how long a page may lie open before what it offers is refused,
// outcomesKept how many forms are remembered.
const (
	formLife     = 12 * time.Hour
	outcomesKept = 20_000
)

// forms makes the tokens of forms and remembers what came of each: a token is
// bound to a session, so that no other site can make one, and good for one
// change, so that a page that is posted twice changes nothing twice.
type forms struct {
	now    func() time.Time
	random io.Reader
	key    [32]byte

	mu       sync.Mutex
	outcomes map[formID]*outcome
	order    []formID
	// forgotten is when the newest form was made whose outcome is not
	// remembered any more: forms as old as that are refused.
	forgotten time.Time
}

// formID is when a form was made (Unix nanoseconds) and 16 random bytes.
type formID [24]byte

func (id formID) made() time.Time {
	return time.Unix(0, int64(binary.BigEndian.Uint64(id[:8])))
}

// String is the id as it stands in addresses.
func (id formID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

func parseFormID(text string) (id formID, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(text)
	return id, err == nil && copy(id[:], b) == len(id) && len(b) == len(id)
}

// outcome is what came of a form.
type outcome struct {
	id       formID
	session  digest
	at       time.Time
	finished chan struct{} // closed when the rest is known
	done     *done         // nil: it failed
	failed   error
	undone   bool // guarded by forms.mu
}

func newForms(now func() time.Time, random io.Reader) *forms {
	f := &forms{now: now, random: random, outcomes: map[formID]*outcome{}}
	f.fill(f.key[:])
	return f
}

func (f *forms) fill(b []byte) {
	if _, err := io.ReadFull(f.random, b); err != nil {
		panic("console: no randomness: " + err.Error()) // crypto/rand never fails
	}
}

// token makes the token of a new form for a session.
func (f *forms) token(s *session) string {
	var id formID
	binary.BigEndian.PutUint64(id[:8], uint64(f.now().UnixNano()))
	f.fill(id[8:])
	return base64.RawURLEncoding.EncodeToString(append(id[:], f.mac(id, s)...))
}

func (f *forms) mac(id formID, s *session) []byte {
	h := hmac.New(sha256.New, f.key[:])
	h.Write(id[:])
	h.Write(s.id[:])
	return h.Sum(nil)
}

// verify returns the id in a token that was made for this session by this
// process and is not too old.
func (f *forms) verify(token string, s *session) (id formID, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || len(b) != len(id)+sha256.Size {
		return id, false
	}
	copy(id[:], b)
	return id, hmac.Equal(b[len(id):], f.mac(id, s)) && f.now().Sub(id.made()) < formLife
}

// claim takes a form for its one change. first is false where somebody has it
// already: the outcome is then what came of that. It is nil where the form is
// older than what is remembered.
func (f *forms) claim(id formID, s *session) (o *outcome, first bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if o := f.outcomes[id]; o != nil {
		return o, false
	}
	if !id.made().After(f.forgotten) {
		return nil, false
	}
	o = &outcome{id: id, session: s.id, at: f.now(), finished: make(chan struct{})}
	f.outcomes[id] = o
	f.order = append(f.order, id)
	if len(f.order) > outcomesKept {
		old := f.order[0]
		f.order = f.order[1:]
		delete(f.outcomes, old)
		if old.made().After(f.forgotten) {
			f.forgotten = old.made()
		}
	}
	return o, true
}

// finish tells what came of a form; d may be nil. Of a page that was the answer
// it is remembered that there was one, and its status: a page holds the whole
// answer of a trial.
func (f *forms) finish(o *outcome, d *done, err error) {
	if d != nil && d.Page != nil {
		d = &done{Page: &page{Status: d.Page.Status}}
	}
	o.done, o.failed = d, err
	close(o.finished)
}

// find returns the finished outcome of a form of this session, or nil.
func (f *forms) find(text string, s *session) *outcome {
	id, ok := parseFormID(text)
	if !ok {
		return nil
	}
	f.mu.Lock()
	o := f.outcomes[id]
	f.mu.Unlock()
	if o == nil || o.session != s.id {
		return nil
	}
	select {
	case <-o.finished:
		return o
	default:
		return nil
	}
}

// takeUndo reports whether the outcome may be undone now, which happens once.
func (f *forms) takeUndo(o *outcome) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if o.undone || o.done == nil || o.done.undo == nil {
		return false
	}
	o.undone = true
	return true
}

func (f *forms) undoable(o *outcome) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !o.undone && o.done != nil && o.done.undo != nil
}

// giveBackUndo lets an undo that failed be tried again.
func (f *forms) giveBackUndo(o *outcome) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o.undone = false
}
