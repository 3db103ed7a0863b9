// Echo is what tests of a node run in pods.
//
//	echo [ADDRESS]   answers every request with what arrived, over HTTP/1 and over HTTP/2 without TLS (h2c); on :8080
//	echo say WORD…   prints the words
//	echo exit CODE   ends with that code
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
)

func main() {
	args := os.Args[1:]
	switch {
	case len(args) == 0:
		serve(":8080")
	case len(args) == 1:
		serve(args[0])
	case args[0] == "say":
		fmt.Println(strings.Join(args[1:], " "))
	case args[0] == "exit":
		code, err := strconv.Atoi(args[1])
		if err != nil {
			log.Fatal(err)
		}
		os.Exit(code)
	default:
		log.Fatalf("cannot %q", args)
	}
}

func serve(address string) {
	host, err := os.Hostname()
	if err != nil {
		log.Fatal(err)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	answer := func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s %s by %s for %s\n", r.Proto, r.Method, r.URL.Path, host, r.Host)
	}
	server := &http.Server{Addr: address, Handler: http.HandlerFunc(answer), Protocols: protocols}
	go func() {
		signals := make(chan os.Signal, 1)
		signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
		<-signals
		server.Close()
	}()
	log.Println("listening on", address)
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		log.Fatal(err)
	}
}
