package talktest

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"path"
	"strconv"
	"strings"
)

// file is something in the storage of a user.
type file struct {
	id    int64
	path  string
	name  string
	media string // media type, by the name's ending
	size  int    // bytes
	voice bool   // shared as a voice message
}

// mediaTypes are those of what people share; all else is just data.
var mediaTypes = map[string]string{".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".gif": "image/gif", ".webp": "image/webp",
	".mp3": "audio/mpeg", ".wav": "audio/wav", ".mp4": "video/mp4", ".pdf": "application/pdf", ".txt": "text/plain", ".vcf": "text/vcard"}

// ShareFile shares a picture (a sticker and a GIF are one, too) or any other
// file, with a caption or "". It returns the message's id.
func (u *User) ShareFile(token, name, caption string) int64 {
	return u.shareFile(token, name, sharing{Caption: caption})
}

// Speak shares a voice message and returns the message's id.
func (u *User) Speak(token string) int64 {
	return u.shareFile(token, "voice.mp3", sharing{Type: "voice-message"})
}

func (u *User) shareFile(token, name string, how sharing) int64 {
	var id int64
	u.act("share a file", token, func(r *room) *failure {
		m, f := u.s.shareFile(r, r.member(u.acc), u.s.store(u.acc, "Talk/"+name, 1024), how, "")
		if f == nil {
			id = m.id
		}
		return f
	})
	return id
}

// sharing is how Talk's clients want a file to be shown, in talkMetaData.
type sharing struct {
	Caption string `json:"caption"`
	Type    string `json:"messageType"`
	ReplyTo int64  `json:"replyTo"`
	Silent  bool   `json:"silent"`
}

// store puts a file into the storage of a user.
func (s *Server) store(u *account, at string, size int) *file {
	media := mediaTypes[strings.ToLower(path.Ext(at))]
	if media == "" {
		media = "application/octet-stream"
	}
	s.lastFile++
	f := &file{id: s.lastFile, path: at, name: path.Base(at), media: media, size: size}
	if u.files == nil {
		u.files = map[string]*file{}
	}
	u.files[at] = f
	return f
}

func (s *Server) shareFile(r *room, by *member, f *file, how sharing, reference string) (*message, *failure) {
	if f := r.writable(); f != nil {
		return nil, f
	}
	shown := *f
	shown.voice = how.Type == "voice-message" && (f.media == "audio/mpeg" || f.media == "audio/wav")
	text := strings.TrimSpace(how.Caption)
	if text == "" {
		text = "{file}"
	}
	s.fill(r)
	m := s.add(r, &message{by: by.who, text: text, file: &shown, reference: cut(reference, 64), silent: how.Silent, parent: r.find(how.ReplyTo)})
	s.wrote(r, by, m)
	return m, nil
}

func (f *file) json() map[string]any {
	sum := md5.Sum([]byte(f.path))
	preview := "no"
	if strings.HasPrefix(f.media, "image/") {
		preview = "yes"
	}
	id := strconv.FormatInt(f.id, 10)
	return map[string]any{"type": "file", "id": id, "name": f.name, "size": strconv.Itoa(f.size), "path": f.path,
		"link": "http://cloud.test/f/" + id, "etag": hex.EncodeToString(sum[:]), "permissions": "27", "mimetype": f.media,
		"preview-available": preview, "hide-download": "no"}
}

// upload takes a file over WebDAV. Errors are told as OCS does.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	c := &call{s: s, w: w, r: r}
	s.mu.Lock()
	defer s.unlock()
	switch {
	case s.maintenance:
		w.Header().Set("X-Nextcloud-Maintenance-Mode", "1")
		c.fail(503, "Service unavailable", []any{})
	case !c.login():
	case err != nil:
		c.fail(400, "", []any{})
	case r.PathValue("user") != c.user.id:
		c.fail(404, "", []any{})
	default:
		_, again := c.user.files[r.PathValue("path")]
		s.store(c.user, r.PathValue("path"), len(body))
		if again {
			w.WriteHeader(204)
			return
		}
		w.WriteHeader(201)
	}
}

// createShare shares a file of the caller's with a room, which is all that is
// possible here.
func (c *call) createShare() {
	f := c.user.files[strings.TrimPrefix(c.str("path"), "/")]
	r := c.s.rooms[c.str("shareWith")]
	var how sharing
	_ = json.Unmarshal([]byte(c.str("talkMetaData")), &how) // what makes no sense is as good as none
	switch {
	case c.num("shareType", -1) != 10:
		c.fail(400, "Unknown share type", []any{})
	case f == nil:
		c.fail(404, "Wrong path, file/folder does not exist", []any{})
	case r == nil || r.member(c.user) == nil:
		c.fail(404, "Conversation not found", []any{})
	default:
		m, refused := c.s.shareFile(r, r.member(c.user), f, how, c.str("referenceId"))
		if !c.answer(refused) {
			c.ok(200, map[string]any{"id": fmt.Sprint(m.id), "share_type": 10, "share_with": r.token, "path": "/" + f.path, "mimetype": f.media})
		}
	}
}
