package console

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// How figures are written for people. Templates call these.

// size is a number of bytes: "812 B", "3.4 KB", "12 MB".
func size(n any) (string, error) {
	value := reflect.ValueOf(n)
	var bytes float64
	switch {
	case value.CanInt():
		bytes = float64(value.Int())
	case value.CanUint():
		bytes = float64(value.Uint())
	default:
		return "", fmt.Errorf("size: %v is no number", n)
	}
	units := [...]string{"B", "KB", "MB", "GB", "TB"}
	unit := 0
	for bytes >= 1024 && unit < len(units)-1 {
		bytes /= 1024
		unit++
	}
	text := strconv.FormatFloat(bytes, 'f', 1, 64)
	if unit == 0 || bytes >= 10 {
		text = strconv.FormatFloat(bytes, 'f', 0, 64)
	}
	return text + " " + units[unit], nil
}

// took is a duration with as many digits as say something: "85 µs", "3.2 ms",
// "1.45 s".
func took(d time.Duration) string {
	switch {
	case d < 0:
		return "–"
	case d < time.Microsecond:
		return strconv.FormatInt(d.Nanoseconds(), 10) + " ns"
	case d < time.Millisecond:
		return strconv.FormatInt(d.Microseconds(), 10) + " µs"
	case d < 100*time.Millisecond:
		return strings.TrimSuffix(strconv.FormatFloat(float64(d)/float64(time.Millisecond), 'f', 1, 64), ".0") + " ms"
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < time.Minute:
		return strconv.FormatFloat(d.Seconds(), 'f', 2, 64) + " s"
	default:
		return d.Round(time.Second).String()
	}
}

// clock is a time of day to the millisecond, in UTC as all times of AWS's logs.
func clock(t time.Time) string { return t.UTC().Format("15:04:05.000") }

// shortHash is the beginning of a digest: enough to tell two apart at a glance.
func shortHash(hash string) string {
	if len(hash) <= 10 {
		return hash
	}
	return hash[:10] + "…"
}

// statusKind is the colour of an HTTP status.
func statusKind(status string) string {
	switch {
	case strings.HasPrefix(status, "5"):
		return badKind
	case strings.HasPrefix(status, "4"):
		return warnKind
	}
	return okKind
}

// capital is a clause as a heading.
func capital(text string) string {
	r, n := utf8.DecodeRuneInString(text)
	if n == 0 {
		return ""
	}
	return string(unicode.ToUpper(r)) + text[n:]
}
