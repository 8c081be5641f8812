package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"time"
)

// result is what a load came to.
type result struct {
	calls     int
	perSecond float64
	p50, p99  time.Duration
	cpu       time.Duration // that the serving processes used for each call
}

func (r result) String() string {
	return fmt.Sprintf("%6.0f/s  p50 %5.2f ms  p99 %5.2f ms  %3d µs of processor time a call",
		r.perSecond, milliseconds(r.p50), milliseconds(r.p99), r.cpu.Microseconds())
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// load sends request over connections kept alive, one at a time on each, for
// the given time. Every answer must have status 200. The client is as small as
// it can be, for it shares two cores with the server.
func load(address, request string, connections int, period time.Duration) (result, error) {
	var wg sync.WaitGroup
	latencies := make([][]time.Duration, connections)
	failures := make([]error, connections)
	begun := time.Now()
	for i := range connections {
		wg.Go(func() { latencies[i], failures[i] = drive(address, []byte(request), begun.Add(period)) })
	}
	wg.Wait()
	took := time.Since(begun)
	if err := errors.Join(failures...); err != nil {
		return result{}, err
	}
	all := slices.Concat(latencies...)
	slices.Sort(all)
	if len(all) == 0 {
		return result{}, errors.New("no answer at all")
	}
	return result{
		calls:     len(all),
		perSecond: float64(len(all)) / took.Seconds(),
		p50:       all[len(all)/2],
		p99:       all[len(all)*99/100],
	}, nil
}

func drive(address string, request []byte, until time.Time) ([]time.Duration, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	// A server that does not answer must not hold up the run.
	if err := conn.SetDeadline(until.Add(10 * time.Second)); err != nil {
		return nil, err
	}
	reader := bufio.NewReader(conn)
	var latencies []time.Duration
	for {
		begun := time.Now()
		if begun.After(until) {
			return latencies, nil
		}
		if _, err := conn.Write(request); err != nil {
			return nil, err
		}
		if err := readAnswer(reader); err != nil {
			return nil, err
		}
		latencies = append(latencies, time.Since(begun))
	}
}

// readAnswer reads one answer with a Content-Length.
func readAnswer(r *bufio.Reader) error {
	line, err := r.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 200")) {
		rest, _ := r.Peek(r.Buffered())
		return fmt.Errorf("not a 200: %s%s", line, rest)
	}
	length := 0
	for {
		line, err = r.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if len(name) == 14 && bytes.EqualFold(name, []byte("content-length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return err
			}
		}
	}
	_, err = io.CopyN(io.Discard, r, int64(length))
	return err
}

// once times one call on a new connection.
func once(address, request string) (time.Duration, error) {
	begun := time.Now()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		return 0, err
	}
	err = readAnswer(bufio.NewReader(conn))
	return time.Since(begun), err
}
