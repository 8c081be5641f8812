package lambda

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strconv"
)

// maxPage is how many items one answer holds, whatever MaxItems says (LDG API
// reference, ListFunctions and ListVersionsByFunction).
const maxPage = 50

// row is one item of a list with the key that orders it. The item is made when
// its page is answered: a list is long, a page short.
type row[T any] struct {
	key  string
	item func() *T
}

// rowKey orders by name, then by version number; $LATEST is number 0.
func rowKey(name string, version int) string { return fmt.Sprintf("%s\x00%09d", name, version) }

// page sorts rows and returns those after marker, at most max of them, and the
// marker of the next page. A marker names the last item that was seen, so a
// page goes on at the right place though items come and go.
func page[T any](rows []row[T], marker *string, max *int32) (items []T, next *string, err error) {
	slices.SortFunc(rows, func(a, b row[T]) int { return cmp.Compare(a.key, b.key) })
	if m := deref(marker); m != "" {
		after, err := base64.RawURLEncoding.DecodeString(m)
		if err != nil {
			// unverified: AWS's sentence for a marker that it never gave out.
			return nil, nil, invalid("Invalid Marker: %s", m)
		}
		i, found := slices.BinarySearchFunc(rows, string(after), func(r row[T], key string) int { return cmp.Compare(r.key, key) })
		if found {
			i++
		}
		rows = rows[i:]
	}
	limit := maxPage
	if max != nil && int(*max) < limit {
		limit = int(*max)
	}
	if limit < len(rows) {
		rows = rows[:limit]
		next = new(base64.RawURLEncoding.EncodeToString([]byte(rows[limit-1].key)))
	}
	items = make([]T, len(rows))
	for i := range rows {
		items[i] = *rows[i].item()
	}
	return items, next, nil
}

func fmtVersion(number int) string { return strconv.Itoa(number) }

// parseVersion reads the number of a published version; 0 for anything else.
func parseVersion(version string) int {
	number, _ := strconv.Atoi(version)
	return number
}
