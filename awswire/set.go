package awswire

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// The set functions put a scalar into a Go field, allocating where the SDK has a pointer. The frequent types go without
// reflect.New.

func (p *plan) target(dst reflect.Value) reflect.Value {
	if !p.ptr {
		return dst
	}
	v := reflect.New(p.typ)
	dst.Set(v)
	return v.Elem()
}

func (p *plan) setString(dst reflect.Value, s string) {
	if p.ptr {
		if sp, ok := dst.Addr().Interface().(**string); ok {
			*sp = &s
			return
		}
	}
	p.target(dst).SetString(s)
}

// setInt reports whether n fits.
func (p *plan) setInt(dst reflect.Value, n int64) bool {
	v := p.target(dst)
	if v.OverflowInt(n) {
		return false
	}
	v.SetInt(n)
	return true
}

func (p *plan) setFloat(dst reflect.Value, n float64) { p.target(dst).SetFloat(n) }
func (p *plan) setBool(dst reflect.Value, b bool)     { p.target(dst).SetBool(b) }
func (p *plan) setTime(dst reflect.Value, t time.Time) {
	p.target(dst).Set(reflect.ValueOf(t.UTC()))
}

// setText puts a value that arrived as text (path, query, header, form) into a Go field and checks it.
func (d *decoding) setText(p *plan, f timeFormat, dst reflect.Value, text string) error {
	switch p.kind {
	case kindString:
		d.string(p.check, text)
		p.setString(dst, text)
	case kindBool:
		switch strings.ToLower(text) {
		case "true":
			p.setBool(dst, true)
		case "false":
			p.setBool(dst, false)
		default:
			return malformed(fmt.Sprintf("%s can not be converted to a Boolean", text)) // unverified text
		}
	case kindInt:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || !p.setInt(dst, n) {
			return malformed(fmt.Sprintf("%s can not be converted to an Integer", text)) // unverified text
		}
		d.number(p.check, float64(n))
	case kindFloat:
		n, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return malformed(fmt.Sprintf("%s can not be converted to a Double", text)) // unverified text
		}
		d.number(p.check, n)
		p.setFloat(dst, n)
	case kindBlob:
		return d.setBlob(p, dst, []byte(text))
	case kindTime:
		t, err := parseTime(f, text)
		if err != nil {
			return malformed(fmt.Sprintf("Unparseable timestamp: %s", text)) // unverified text
		}
		p.setTime(dst, t)
	default:
		return malformed("")
	}
	return nil
}

func (d *decoding) setBlob(p *plan, dst reflect.Value, text []byte) error {
	b, err := decodeBase64(text)
	if err != nil {
		return malformed("")
	}
	d.blob(p.check, b)
	dst.SetBytes(b)
	return nil
}

// parseTime accepts what AWS accepts for a timestamp as text: ISO 8601, RFC 822 and epoch seconds.
func parseTime(f timeFormat, text string) (time.Time, error) {
	if n, err := strconv.ParseFloat(text, 64); err == nil {
		return epoch(n), nil
	}
	layouts := []string{time.RFC3339Nano, "2006-01-02T15:04:05", "2006-01-02"}
	if f == timeHTTP {
		layouts = []string{"Mon, 02 Jan 2006 15:04:05 GMT", time.RFC1123Z, time.RFC3339Nano}
	}
	var first error
	for _, l := range layouts {
		t, err := time.Parse(l, text)
		if err == nil {
			return t, nil
		}
		if first == nil {
			first = err
		}
	}
	return time.Time{}, first
}

// epoch turns epoch seconds into a time with millisecond precision, which is AWS's.
func epoch(seconds float64) time.Time {
	ms := seconds * 1000
	if ms >= 0 {
		ms += 0.5
	} else {
		ms -= 0.5
	}
	return time.UnixMilli(int64(ms)).UTC()
}

// formatTime renders t with at most milliseconds.
func formatTime(dst []byte, f timeFormat, t time.Time) []byte {
	t = t.UTC().Truncate(time.Millisecond)
	switch f {
	case timeISO:
		return t.AppendFormat(dst, "2006-01-02T15:04:05.999Z")
	case timeHTTP:
		return t.AppendFormat(dst, "Mon, 02 Jan 2006 15:04:05 GMT")
	}
	ms := t.UnixMilli()
	if ms%1000 == 0 {
		return strconv.AppendInt(dst, ms/1000, 10)
	}
	return strconv.AppendFloat(dst, float64(ms)/1000, 'f', -1, 64)
}
