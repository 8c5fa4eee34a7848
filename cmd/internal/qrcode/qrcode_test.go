package qrcode

import (
	"bytes"
	"image/png"
	"strings"
	"testing"
)

const login = "nc://login/user:grandma&password:xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx&server:https://cloud.example.org"

// TestTheTerminalShowsEveryModule reads the drawn code back.
func TestTheTerminalShowsEveryModule(t *testing.T) {
	c, err := New(login)
	if err != nil {
		t.Fatal(err)
	}
	for _, colour := range []bool{true, false} {
		text := strings.NewReplacer("\x1b[38;5;16;48;5;231m", "", "\x1b[0m", "").Replace(c.Terminal(colour))
		lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
		if want := (c.Width() + 1) / 2; len(lines) != want {
			t.Fatalf("%d lines, want %d", len(lines), want)
		}
		for y := range c.code.Size {
			for x := range c.code.Size {
				r := []rune(lines[(y+quiet)/2])[x+quiet]
				ink := r == '█' || r == '▀' && (y+quiet)%2 == 0 || r == '▄' && (y+quiet)%2 == 1
				if black := ink == colour; black != c.code.Black(x, y) {
					t.Fatalf("colour %v: the module at %d, %d is wrong", colour, x, y)
				}
			}
		}
	}
}

func TestThePicture(t *testing.T) {
	c, err := New(login)
	if err != nil {
		t.Fatal(err)
	}
	img, err := png.Decode(bytes.NewReader(c.PNG(6)))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := img.Bounds().Dx(), (c.code.Size+8)*6; got != want {
		t.Errorf("it is %d pixels wide, want %d", got, want)
	}
	for y := range c.code.Size {
		for x := range c.code.Size {
			r, _, _, _ := img.At((x+4)*6+3, (y+4)*6+3).RGBA()
			if black := r == 0; black != c.code.Black(x, y) {
				t.Fatalf("the module at %d, %d is wrong", x, y)
			}
		}
	}
}

func TestTooMuchForACode(t *testing.T) {
	if _, err := New(strings.Repeat("x", 3000)); err == nil {
		t.Error("3000 letters fit into a code")
	}
}
