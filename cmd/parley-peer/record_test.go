package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pion/webrtc/v4/pkg/media/ivfreader"
	"github.com/pion/webrtc/v4/pkg/media/oggreader"

	"parley/signaling/protocol"
)

// One guest is there before the recorder, which calls it; another one comes later and calls the recorder.
func TestRecordWritesWhatTheOthersSend(t *testing.T) {
	address := startServer(t)
	dir := filepath.Join(t.TempDir(), "made", "on the way")
	early, late := newGuest("r", address), newGuest("r", address)
	early.settings.Name, late.settings.Name = "early", "../late"
	go early.run(t)
	defer early.leave()
	early.waitJoined(t)

	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var stdout bytes.Buffer
	stderr := newWatched()
	ended := make(chan int)
	go func() {
		ended <- run(ctx, []string{"record", "--json", "--room", "r", "--out", dir, "--url", "ws://" + address + "/ws"}, &stdout, stderr)
	}()
	stderr.wait(t, `joined "r"`, 1)
	go late.run(t)
	defer late.leave()
	stderr.wait(t, "writing ", 4)
	<-early.verified
	<-late.verified
	interrupt()
	code := <-ended
	r := lastLine[recordResult](t, &output{stdout: stdout})
	if code != exitOK || !r.OK || len(r.Files) != 4 {
		t.Fatalf("exit %d: %+v %s", code, r, stderr)
	}
	names := map[string]int{}
	for _, f := range r.Files {
		names[f.Name]++
		if filepath.Dir(f.File) != dir || !strings.Contains(filepath.Base(f.File), f.Peer[:8]+"-"+f.Track) {
			t.Errorf("%+v", f)
		}
		frames := checkIVF
		if f.Kind == "audio" {
			frames = checkOgg
		}
		if n := frames(t, f.File); f.Frames == 0 || n < f.Frames {
			t.Errorf("%d frames in %+v", n, f)
		}
	}
	if names["early"] != 2 || names["../late"] != 2 {
		t.Errorf("%v", names)
	}
	if all, _ := os.ReadDir(dir); len(all) != 4 {
		t.Errorf("%v", all)
	}
}

// checkIVF reads a file of the clip's video, and counts its frames.
func checkIVF(t *testing.T, name string) (frames uint64) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader, header, err := ivfreader.NewWith(file)
	if err != nil || header.FourCC != "VP80" || header.Width != 320 || header.Height != 180 ||
		header.TimebaseNumerator != 1 || header.TimebaseDenominator != 90_000 {
		t.Fatalf("%s: %v %+v", name, err, header)
	}
	for {
		frame, _, err := reader.ParseNextFrame()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil || frames == 0 && frame[0]&1 != 0 {
			t.Fatalf("%s: %v, or it does not begin with a key frame", name, err)
		}
		frames++
	}
	if uint64(header.NumFrames) != frames {
		t.Errorf("%s: %d frames, and its header says %d", name, frames, header.NumFrames)
	}
	return frames
}

// checkOgg reads a file of Opus, and counts its packets.
func checkOgg(t *testing.T, name string) (packets uint64) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	reader, header, err := oggreader.NewWith(file)
	if err != nil || header.SampleRate != 48_000 {
		t.Fatalf("%s: %v %+v", name, err, header)
	}
	for {
		page, header, err := reader.ParseNextPage()
		if errors.Is(err, io.EOF) {
			return packets
		}
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, isHeader := header.HeaderType(page); !isHeader {
			packets++
		}
	}
}

func TestRecordAndACallThatNobodyDisturbs(t *testing.T) {
	address := startServer(t)
	ctx, interrupt := context.WithCancel(t.Context())
	defer interrupt()
	var stdout bytes.Buffer
	stderr := newWatched()
	ended := make(chan int)
	go func() {
		ended <- run(ctx, []string{"record", "--room", "r", "--out", t.TempDir(), "--url", "ws://" + address + "/ws"}, &stdout, stderr)
	}()
	stderr.wait(t, `joined "r"`, 1)
	if code, out := peer(t, "call", "--pair", "--room", "r", "--url", "ws://"+address+"/ws"); code != exitOK {
		t.Errorf("call: exit %d: %s", code, out.stderr.String())
	}
	interrupt()
	if code := <-ended; code != exitOK {
		t.Errorf("record: exit %d: %s", code, stderr)
	}
}

func TestRecordAFolderThatCannotBeWritten(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{file, filepath.Join(file, "below")} {
		code, out := peer(t, "record", "--room", "r", "--out", dir, "--json", "--url", "ws://"+freeAddress(t)+"/ws")
		if r := lastLine[recordResult](t, out); code != exitFailed || r.Stage != "out" || !strings.Contains(r.Problem, file) ||
			strings.Count(out.stderr.String(), "\n") != 1 {
			t.Errorf("exit %d: %+v %s", code, r, out.stderr.String())
		}
	}
}

func TestRecordForAWhile(t *testing.T) {
	address := startServer(t)
	code, out := peer(t, "record", "--duration", "300ms", "--room", "r", "--out", t.TempDir(), "--url", "ws://"+address+"/ws")
	if code != exitOK || !strings.Contains(out.stderr.String(), "nothing came") {
		t.Errorf("exit %d: %s", code, out.stderr.String())
	}
}

func TestRecordUsage(t *testing.T) {
	for _, args := range [][]string{
		{},
		{"--room", "r"},
		{"--out", "x"},
		{"--room", "r", "--out", "x", "--duration", "-1s"},
		{"--room", "r", "--out", "x", "--bogus"},
	} {
		if code, out := peer(t, append([]string{"record"}, args...)...); code != exitUsage || out.stdout.Len() > 0 || out.stderr.Len() == 0 {
			t.Errorf("%v: exit %d, %q, %q", args, code, out.stdout.String(), out.stderr.String())
		}
	}
}

func TestRecordFileNames(t *testing.T) {
	f := folder{t.TempDir()}
	for _, test := range []struct{ name, peer, track, want string }{
		{"", "0123456789", "video", "01234567-video.ivf"},
		{"", "0123456789", "video", "01234567-video-2.ivf"},
		{"Anna", "0123456789", "{c-1}", "Anna-01234567-c-1.ivf"},
		{"../../etc/passwd", "..", "/", "etc_passwd-track.ivf"},
		{"Анна", "0123456789", "\x00", "01234567-track.ivf"},
		{strings.Repeat("a", 300), "0123456789", "t", strings.Repeat("a", 40) + "-01234567-t.ivf"},
	} {
		file, err := f.create(protocol.Peer{Peer: test.peer, Name: test.name}, test.track, ".ivf")
		if err != nil {
			t.Fatal(err)
		}
		_ = file.Close()
		if got, _ := filepath.Rel(f.dir, file.Name()); got != test.want {
			t.Errorf("%+v: %q", test, got)
		}
	}
}
