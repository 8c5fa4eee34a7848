-- +goose Up
-- When the message was written that a room was read up to, on the clock of its
-- server.
ALTER TABLE cursors ADD COLUMN written_at BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE cursors DROP COLUMN written_at;
