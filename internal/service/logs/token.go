package logs

import (
	"encoding/base64"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/stagedoor/stagedoor/internal/logs"
)

// paged cuts items to a page of up to limit (50 when nil) after the item whose
// name token carries.
func paged[T any](items []T, name func(T) string, token *string, limit *int32) (page []T, next *string, err error) {
	if token != nil {
		last, err := base64.RawURLEncoding.DecodeString(*token)
		if err != nil {
			return nil, nil, badToken()
		}
		i := slices.IndexFunc(items, func(item T) bool { return name(item) == string(last) }) + 1
		if i == 0 { // deleted since: go on behind its place
			if i = slices.IndexFunc(items, func(item T) bool { return name(item) > string(last) }); i < 0 {
				i = len(items)
			}
		}
		items = items[i:]
	}
	n := 50
	if limit != nil && *limit > 0 {
		n = int(*limit)
	}
	if n >= len(items) {
		return items, nil, nil
	}
	return items[:n], new(base64.RawURLEncoding.EncodeToString([]byte(name(items[n-1])))), nil
}

// eventID is an event's place as 56 decimal digits, the form of AWS's event ids
// and of the middle of its tokens.
func eventID(p logs.Position) string {
	millis := min(max(p.Millis, -1), 1e15) + 1
	return fmt.Sprintf("%016d%020d%020d", millis, p.Seq, uint64(p.Index))
}

func parseEventID(id string) (logs.Position, bool) {
	if len(id) != 56 {
		return logs.Position{}, false
	}
	millis, err1 := strconv.ParseUint(id[:16], 10, 63)
	seq, err2 := strconv.ParseUint(id[16:36], 10, 64)
	index, err3 := strconv.ParseUint(id[36:], 10, 64)
	if err1 != nil || err2 != nil || err3 != nil || index > math.MaxInt {
		return logs.Position{}, false
	}
	return logs.Position{Millis: int64(millis) - 1, Seq: seq, Index: int(index)}, true
}

// pageToken is a token of GetLogEvents: "f/…/s" goes on forwards after a place,
// "b/…/s" backwards before it.
func pageToken(direction string, p logs.Position) string {
	return direction + "/" + eventID(p) + "/s"
}

func parsePageToken(token string) (backward bool, p logs.Position, err error) {
	parts := strings.Split(token, "/")
	if len(parts) != 3 || parts[0] != "f" && parts[0] != "b" || parts[2] != "s" {
		return false, p, badToken()
	}
	p, ok := parseEventID(parts[1])
	if !ok {
		return false, p, badToken()
	}
	return parts[0] == "b", p, nil
}

// filterToken is a token of FilterLogEvents, opaque as AWS's.
func filterToken(backward bool, p logs.Position) *string {
	direction := "f"
	if backward {
		direction = "b"
	}
	return new(base64.RawURLEncoding.EncodeToString([]byte(pageToken(direction, p))))
}

func parseFilterToken(token string) (backward bool, p logs.Position, err error) {
	text, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return false, p, badToken()
	}
	return parsePageToken(string(text))
}

// sequenceToken looks like AWS's upload sequence tokens, which mean nothing any
// more (API reference, PutLogEvents: "The sequence token is now ignored").
func sequenceToken(millis int64) string {
	return fmt.Sprintf("49%054d", millis)
}
