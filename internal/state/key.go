package state

import (
	"fmt"
	"strings"
)

// Key names one record, for example
// "lambda.function.000000000000.us-east-1.my-function-dev". Its tokens are
// separated by dots; any byte of a token outside [A-Za-z0-9_-] is written as
// "=XX" (two hexadecimal digits), so a Key is always a legal NATS subject and
// two different names never share a key.
type Key string

// NewKey joins tokens into a Key, escaping each of them. An empty token is
// written as "=", which no escape produces.
func NewKey(tokens ...string) Key {
	var b strings.Builder
	size := len(tokens)
	for _, token := range tokens {
		size += len(token) // as long as nothing is escaped
	}
	b.Grow(size)
	for i, token := range tokens {
		if i > 0 {
			b.WriteByte('.')
		}
		escapeToken(&b, token)
	}
	return Key(b.String())
}

// Child appends tokens to k.
func (k Key) Child(tokens ...string) Key {
	return k + "." + NewKey(tokens...)
}

// Under reports whether k is prefix itself or lies below it, token by token:
// "a.b.c" is under "a.b", "a.bc" is not. Every key is under the empty prefix.
func (k Key) Under(prefix Key) bool {
	if prefix == "" || k == prefix {
		return true
	}
	return len(k) > len(prefix) && k[len(prefix)] == '.' && strings.HasPrefix(string(k), string(prefix))
}

// Tokens returns the unescaped tokens of k.
func (k Key) Tokens() []string {
	parts := strings.Split(string(k), ".")
	for i, part := range parts {
		parts[i] = unescapeToken(part)
	}
	return parts
}

func escapeToken(b *strings.Builder, token string) {
	if token == "" {
		b.WriteByte('=')
		return
	}
	for i := 0; i < len(token); i++ {
		c := token[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_':
			b.WriteByte(c)
		default:
			fmt.Fprintf(b, "=%02X", c)
		}
	}
}

func unescapeToken(part string) string {
	if part == "=" {
		return ""
	}
	if !strings.Contains(part, "=") {
		return part
	}
	var b strings.Builder
	for i := 0; i < len(part); i++ {
		if part[i] == '=' && i+2 < len(part) {
			var c byte
			if _, err := fmt.Sscanf(part[i+1:i+3], "%02X", &c); err == nil {
				b.WriteByte(c)
				i += 2
				continue
			}
		}
		b.WriteByte(part[i])
	}
	return b.String()
}
