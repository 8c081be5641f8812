package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
)

// rawMsg is one message of a stream.
type rawMsg struct {
	subject  string
	sequence uint64
	time     time.Time
	header   nats.Header
	data     []byte
}

// batchBytes bounds the answer of one getBatch, well under the 64 MiB at which
// a NATS subscription drops messages without a word.
const batchBytes = 4 << 20

// getBatch reads up to n messages of stream whose subject matches filter, from
// sequence from on, in one round trip: a batched direct get (ADR-31), for which
// nats.go's jetstream package has no call. None left is an empty result. blocked
// tells that more follow, but the next of them cannot be read.
func (s *Store) getBatch(ctx context.Context, stream, filter string, from uint64, n int) (msgs []rawMsg, blocked bool, err error) {
	request, err := json.Marshal(struct {
		Seq      uint64 `json:"seq"`
		Batch    int    `json:"batch"`
		MaxBytes int    `json:"max_bytes"`
		NextFor  string `json:"next_by_subj"`
	}{from, n, batchBytes, filter})
	if err != nil {
		return nil, false, err
	}
	inbox := s.conn.NewInbox()
	sub, err := s.conn.SubscribeSync(inbox)
	if err != nil {
		return nil, false, err
	}
	defer sub.Unsubscribe()
	if err := s.conn.PublishRequest("$JS.API.DIRECT.GET."+stream, inbox, request); err != nil {
		return nil, false, err
	}
	size := 0
	for {
		msg, err := sub.NextMsgWithContext(ctx)
		if err != nil {
			return nil, false, err
		}
		if msg.Header.Get("Nats-Sequence") == "" {
			left := msg.Header.Get("Nats-Num-Pending")
			return msgs, left != "" && left != "0" && len(msgs) < n && size < batchBytes, batchEnd(msg)
		}
		raw, err := parseDirect(msg)
		if err != nil {
			return nil, false, err
		}
		msgs = append(msgs, raw)
		size += len(msg.Data) + len(raw.subject) + len("NATS/1.0") // no more than the server counts
	}
}

// batchEnd reads the message that ends a batch: 204 after the last message, 404
// when there was none.
func batchEnd(msg *nats.Msg) error {
	switch status := msg.Header.Get("Status"); status {
	case "204", "404":
		return nil
	case "503":
		return nats.ErrNoResponders
	default:
		return fmt.Errorf("direct get: %s %s", status, msg.Header.Get("Description"))
	}
}

func parseDirect(msg *nats.Msg) (rawMsg, error) {
	sequence, err := strconv.ParseUint(msg.Header.Get("Nats-Sequence"), 10, 64)
	at, timeErr := time.Parse(time.RFC3339Nano, msg.Header.Get("Nats-Time-Stamp"))
	if err := errors.Join(err, timeErr); err != nil {
		return rawMsg{}, fmt.Errorf("direct get: %w", err)
	}
	return rawMsg{
		subject:  msg.Header.Get("Nats-Subject"),
		sequence: sequence,
		time:     at,
		header:   msg.Header,
		data:     msg.Data,
	}, nil
}
