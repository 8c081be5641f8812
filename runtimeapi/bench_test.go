package runtimeapi

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// benchClient is a runtime as small as it can be, over TCP.
func benchClient(b *testing.B, addr string, pipeline bool) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		b.Error(err)
		return
	}
	defer c.Close()
	r := bufio.NewReader(c)
	read := func() (requestID string, ok bool) {
		length := 0
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				return "", false
			}
			line = strings.TrimSuffix(line, "\r\n")
			if line == "" {
				break
			}
			if v, ok := strings.CutPrefix(line, "Lambda-Runtime-Aws-Request-Id: "); ok {
				requestID = v
			} else if v, ok := strings.CutPrefix(line, "Content-Length: "); ok {
				fmt.Sscan(v, &length)
			}
		}
		_, err := io.CopyN(io.Discard, r, int64(length))
		return requestID, err == nil
	}
	next := get("invocation/next")
	io.WriteString(c, next)
	for {
		requestID, ok := read()
		if !ok {
			return
		}
		answer := post("invocation/"+requestID+"/response", `{"statusCode":200,"body":"hello"}`)
		if pipeline {
			answer += next
		}
		io.WriteString(c, answer)
		if _, ok := read(); !ok {
			return
		}
		if !pipeline {
			io.WriteString(c, next)
		}
	}
}

var benchEvent = []byte(`{"resource":"/","path":"/","httpMethod":"GET","headers":{"a":"` + strings.Repeat("b", 900) + `"}}`)

// BenchmarkInvoke is one warm invocation through the Server; "pipelined" is
// what our own loaders do.
func BenchmarkInvoke(b *testing.B) {
	for _, pipeline := range []bool{false, true} {
		b.Run(map[bool]string{false: "stock", true: "pipelined"}[pipeline], func(b *testing.B) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				b.Fatal(err)
			}
			s := New()
			go s.Serve(l)
			defer s.Close()
			go benchClient(b, l.Addr().String(), pipeline)
			in := &Invocation{ID: id, InvokedARN: "arn:aws:lambda:us-east-1:0:function:f", Deadline: time.Now(), Payload: benchEvent}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := s.Invoke(context.Background(), in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkInvokeNetHTTP is the smallest host over net/http, for comparison.
func BenchmarkInvokeNetHTTP(b *testing.B) {
	invocations, answers := make(chan *Invocation), make(chan []byte)
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+nextPath, func(w http.ResponseWriter, r *http.Request) {
		select {
		case in := <-invocations:
			h := w.Header()
			h.Set("Content-Type", "application/json")
			h.Set("Lambda-Runtime-Aws-Request-Id", in.ID)
			h.Set("Lambda-Runtime-Deadline-Ms", "1")
			h.Set("Lambda-Runtime-Invoked-Function-Arn", in.InvokedARN)
			w.Write(in.Payload)
		case <-r.Context().Done():
		}
	})
	mux.HandleFunc("POST "+invokePath+"{id}/response", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		answers <- body
		w.WriteHeader(202)
		io.WriteString(w, accepted)
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	srv := &http.Server{Handler: mux}
	go srv.Serve(l)
	defer srv.Close()
	go benchClient(b, l.Addr().String(), false)
	in := &Invocation{ID: id, InvokedARN: "arn:aws:lambda:us-east-1:0:function:f", Payload: benchEvent}
	b.ReportAllocs()
	for b.Loop() {
		invocations <- in
		<-answers
	}
}
