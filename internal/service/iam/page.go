package iam

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// page is one page of a list with what the answer says about the rest.
type page[T any] struct {
	items     []T
	truncated bool
	marker    *string // set if truncated
}

// paginate cuts the page out of items that marker and maxItems ask for. IAM
// User Guide: 100 items unless told otherwise. A marker holds the position and
// the name of the item before it, so that deletions between two calls neither
// repeat nor skip items; name must grow along items or be constant.
func paginate[T any](items []T, marker *string, maxItems *int32, name func(T) string) (page[T], error) {
	size := 100
	if maxItems != nil {
		size = int(*maxItems)
	}
	start := 0
	if marker != nil {
		last, ok := decodeMarker(*marker)
		if !ok {
			// unverified: AWS's text
			return page[T]{}, validation("Invalid Marker.")
		}
		for start < len(items) && strings.ToLower(name(items[start])) <= last {
			start++
		}
	}
	end := min(start+size, len(items))
	p := page[T]{items: items[start:end], truncated: end < len(items)}
	if p.truncated && end > 0 {
		p.marker = ptr(encodeMarker(strings.ToLower(name(items[end-1]))))
	}
	return p, nil
}

func encodeMarker(name string) string {
	return base64.URLEncoding.EncodeToString([]byte(strconv.Itoa(len(name)) + ":" + name))
}

func decodeMarker(marker string) (name string, ok bool) {
	raw, err := base64.URLEncoding.DecodeString(marker)
	if err != nil {
		return "", false
	}
	length, name, ok := strings.Cut(string(raw), ":")
	return name, ok && length == strconv.Itoa(len(name))
}

// paginateUnsorted is paginate for lists that keep an order of their own, such
// as that of attachment: the marker is a position.
func paginateUnsorted[T any](items []T, marker *string, maxItems *int32) (page[T], error) {
	type numbered struct {
		item T
		at   string
	}
	list := make([]numbered, len(items))
	for i, item := range items {
		list[i] = numbered{item, positionName(i)}
	}
	p, err := paginate(list, marker, maxItems, func(n numbered) string { return n.at })
	result := page[T]{truncated: p.truncated, marker: p.marker, items: make([]T, len(p.items))}
	for i, n := range p.items {
		result.items[i] = n.item
	}
	return result, err
}

func positionName(i int) string {
	digits := strconv.Itoa(i)
	return strings.Repeat("0", max(0, 9-len(digits))) + digits
}
