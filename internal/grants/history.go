package grants

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/stagedoor/stagedoor/internal/state"
	"github.com/stagedoor/stagedoor/internal/store"
)

// memory keeps the newest Decisions, oldest first.
type memory struct {
	mu     sync.Mutex
	recent []*Decision
	loaded bool // what earlier runs wrote has been read
}

func (m *memory) add(d *Decision) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.recent) == recentDecisions {
		m.recent = slices.Delete(m.recent, 0, 1)
	}
	m.recent = append(m.recent, d)
}

func (m *memory) repeat(d *Decision, more *repeat) {
	m.mu.Lock()
	defer m.mu.Unlock()
	d.fold(more)
}

// fold adds further refusals to d.
func (d *Decision) fold(more *repeat) {
	d.Count += more.Count
	d.LastTime = more.LastTime
	room := max(requestIDsKept-len(d.RequestIDs), 0)
	d.RequestIDs = append(d.RequestIDs, more.RequestIDs[:min(room, len(more.RequestIDs))]...)
}

// answers reports whether d has this id, or stands for this request. Ids are
// typed by people: case does not matter.
func (d *Decision) answers(id string) bool {
	return id != "" && (strings.EqualFold(d.ID, id) || slices.Contains(d.RequestIDs, id))
}

// copied returns a Decision that later repeats do not change. The slices are
// shared but only ever appended to.
func (d *Decision) copied() *Decision {
	c := *d
	return &c
}

// Decisions returns up to limit refusals, newest first, those of earlier runs
// included.
func (g *Grants) Decisions(ctx context.Context, limit int) ([]*Decision, error) {
	if err := g.recall(ctx); err != nil {
		return nil, err
	}
	m := &g.recorder.memory
	m.mu.Lock()
	defer m.mu.Unlock()
	limit = min(max(limit, 0), len(m.recent))
	out := make([]*Decision, 0, limit)
	for _, d := range slices.Backward(m.recent) {
		if len(out) == limit {
			break
		}
		out = append(out, d.copied())
	}
	return out, nil
}

// Decision returns the refusal with this id, or of the request with this id;
// an error wrapping ErrDecisionNotFound when there is none.
func (g *Grants) Decision(ctx context.Context, id string) (*Decision, error) {
	if err := g.recall(ctx); err != nil {
		return nil, err
	}
	m := &g.recorder.memory
	m.mu.Lock()
	for _, d := range slices.Backward(m.recent) {
		if d.answers(id) {
			defer m.mu.Unlock()
			return d.copied(), nil
		}
	}
	m.mu.Unlock()
	// Older than what memory keeps: the journal knows it by its id, and a
	// request id is looked for in all of it.
	for _, filter := range []state.Key{state.NewKey(strings.ToLower(id)), ""} {
		all, err := g.recorder.read(ctx, filter)
		if err != nil {
			return nil, err
		}
		for _, d := range all {
			if d.answers(id) {
				return d, nil
			}
		}
	}
	return nil, fmt.Errorf("no refusal of the last seven days has the id or request id %q (stagedoor why lists them): %w", id, ErrDecisionNotFound)
}

// recall writes what is queued and, once, reads what earlier runs left.
func (g *Grants) recall(ctx context.Context) error {
	if err := g.Flush(ctx); err != nil {
		return err
	}
	m := &g.recorder.memory
	m.mu.Lock()
	loaded := m.loaded
	m.mu.Unlock()
	if loaded {
		return nil
	}
	old, err := g.recorder.read(ctx, "")
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.loaded {
		return nil
	}
	m.loaded = true
	old = slices.DeleteFunc(old, func(d *Decision) bool {
		return slices.ContainsFunc(m.recent, func(have *Decision) bool { return have.ID == d.ID })
	})
	m.recent = append(old, m.recent...)
	m.recent = m.recent[max(len(m.recent)-recentDecisions, 0):]
	return nil
}

// read returns the Decisions in the journal under filter, oldest first, with
// their repeats. An entry that cannot be read is logged and left out.
func (r *recorder) read(ctx context.Context, filter state.Key) ([]*Decision, error) {
	j, err := r.openJournal()
	if err != nil {
		return nil, err
	}
	entries, err := j.Read(ctx, filter, 1, 1<<30)
	if err != nil {
		return nil, err
	}
	var all []*Decision
	byID := map[string]*Decision{}
	for _, e := range entries {
		if err := readEntry(e, byID, &all); err != nil {
			r.g.log.Warn("an entry of the decision journal cannot be read", "sequence", e.Seq, "error", err)
		}
	}
	return all, nil
}

func readEntry(e store.Entry, byID map[string]*Decision, all *[]*Decision) error {
	tokens := e.Subject.Tokens()
	if len(tokens) != 2 {
		return fmt.Errorf("subject %q", e.Subject)
	}
	if tokens[1] == "again" {
		var more repeat
		if err := json.Unmarshal(e.Data, &more); err != nil {
			return err
		}
		if d := byID[tokens[0]]; d != nil {
			d.fold(&more)
		}
		return nil
	}
	d := new(Decision)
	if err := json.Unmarshal(e.Data, d); err != nil {
		return err
	}
	byID[d.ID] = d
	*all = append(*all, d)
	return nil
}
