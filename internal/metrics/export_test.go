package metrics

import "context"

// Compact sums the entries of every hour that this Metrics wrote to.
func (m *Metrics) Compact(ctx context.Context) error {
	m.flushing.RLock()
	var keys []hourKey
	for k := range m.entries {
		keys = append(keys, k)
	}
	m.flushing.RUnlock()
	for _, k := range keys {
		if err := m.compact(ctx, k); err != nil {
			return err
		}
	}
	return nil
}

// Entries counts the journal's entries.
func (m *Metrics) Entries(ctx context.Context) (int, error) {
	j, err := m.journal()
	if err != nil {
		return 0, err
	}
	entries, err := j.Read(ctx, "", 0, 1<<30)
	return len(entries), err
}

// Pending counts the points that are not in the journal.
func (m *Metrics) Pending() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.drain()
	return m.pending.size()
}
