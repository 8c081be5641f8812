package promote

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// The journal lives in tags, because a stage and a function have nothing else
// that a second machine sees, and that does not change what they do. A text is
// words "name=value" with a blank between. It is cut into values of 256
// characters: the first stands under the text's key, the others under key:2,
// key:3 …; the first word, n=3, says how many there are. What a later step
// changes comes first, so that it changes one tag and is never half written.
//
// AWS allows 50 tags, keys of 128 and values of 256 characters, and in them
// letters, digits, blanks and _ . : / = + - @ (AWS General Reference,
// tagging: API Gateway and Lambda agree).
const (
	tagPrefix = "stagedoor:"
	recordKey = tagPrefix + "p:"    // + id of the promotion
	lockKey   = tagPrefix + "lock:" // + id of the contender
	maxTags   = 50
	maxValue  = 256
)

// word is one "name=value". Words with an empty value are left out.
type word struct{ name, value string }

// escape writes what tags do not allow as +XX, byte by byte. A plus becomes
// +2B, a blank +20.
func escape(text string) string {
	const allowed = "_.:/=-@"
	var b strings.Builder
	for i := range len(text) {
		c := text[i]
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte(allowed, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "+%02X", c)
		}
	}
	return b.String()
}

func unescape(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '+' && i+2 < len(text) {
			if c, err := strconv.ParseUint(text[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(text[i])
	}
	return b.String()
}

// pack writes words under key into tags.
func pack(key string, words []word) map[string]string {
	var parts []string
	for _, w := range words {
		if w.value != "" {
			parts = append(parts, w.name+"="+escape(w.value))
		}
	}
	text := strings.Join(parts, " ")
	const head = len("n=99 ")
	values := cut(text, maxValue-head)
	out := map[string]string{key: strings.TrimSuffix("n="+strconv.Itoa(len(values))+" "+values[0], " ")}
	for i, v := range values[1:] {
		out[partKey(key, i+2)] = v
	}
	return out
}

func partKey(key string, n int) string { return key + ":" + strconv.Itoa(n) }

// cut splits text into pieces of at most size, the first included. No piece
// begins or ends with a blank, which AWS might trim.
func cut(text string, size int) []string {
	var pieces []string
	for len(text) > size {
		at := size
		for text[at] == ' ' || text[at-1] == ' ' {
			at--
		}
		pieces = append(pieces, text[:at])
		text = text[at:]
	}
	return append(pieces, text)
}

// unpack reads the words under key; nil when they are not there or not whole.
func unpack(key string, tags map[string]string) map[string]string {
	head, rest, _ := strings.Cut(tags[key], " ")
	n, err := strconv.Atoi(strings.TrimPrefix(head, "n="))
	if err != nil || !strings.HasPrefix(head, "n=") {
		return nil
	}
	text := rest
	for i := 2; i <= n; i++ {
		part, ok := tags[partKey(key, i)]
		if !ok {
			return nil
		}
		text += part
	}
	words := map[string]string{}
	for _, w := range strings.Fields(text) {
		name, value, _ := strings.Cut(w, "=")
		words[name] = unescape(value)
	}
	return words
}

// keysOf are the tags that hold the text under key.
func keysOf(key string, tags map[string]string) []string {
	var keys []string
	for k := range tags {
		if k == key || strings.HasPrefix(k, key+":") {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	return keys
}

// promotionsIn lists the ids of the promotions that tags tell of, newest first:
// ids begin with their time.
func promotionsIn(tags map[string]string) []string {
	var ids []string
	for k := range tags {
		if id, ok := strings.CutPrefix(k, recordKey); ok && !strings.Contains(id, ":") {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	slices.Reverse(ids)
	return ids
}
