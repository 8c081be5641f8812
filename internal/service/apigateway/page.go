package apigateway

import (
	"encoding/base64"
)

// Page sizes of the list operations (API reference: default 25, maximum 500).
const (
	defaultPage = 25
	maxPage     = 500
)

// page cuts the items after position out of items, which are sorted in a fixed
// order; id names an item within it. The returned position is nil on the last
// page. Positions are opaque to clients.
func page[T any](items []T, limit *int32, position *string, id func(T) string) ([]T, *string, error) {
	size := defaultPage
	if limit != nil && *limit > 0 {
		size = min(int(*limit), maxPage)
	}
	if position != nil && *position != "" {
		last, err := base64.RawURLEncoding.DecodeString(*position)
		if err != nil {
			return nil, nil, errPosition()
		}
		at := -1
		for i, item := range items {
			if id(item) == string(last) {
				at = i
			}
		}
		if at < 0 {
			return nil, nil, errPosition()
		}
		items = items[at+1:]
	}
	if len(items) <= size {
		return items, nil, nil
	}
	items = items[:size]
	return items, new(base64.RawURLEncoding.EncodeToString([]byte(id(items[size-1])))), nil
}

// unverified: text.
func errPosition() error { return badRequest("Invalid position parameter") }

func deref(p *string) string {
	if p == nil {
		return ""
	}
	return *p
}
