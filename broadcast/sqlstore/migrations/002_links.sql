-- +goose Up
-- Ways in without a login; only the hash of the token is kept. Links to the
-- board belong to no check and no member.
CREATE TABLE links (
    hash      TEXT   PRIMARY KEY,
    check_id  BIGINT NOT NULL,
    member_id TEXT   NOT NULL,
    made_at   BIGINT NOT NULL
);

-- What makes the references of a check's messages impossible to guess.
ALTER TABLE checks ADD COLUMN nonce TEXT NOT NULL DEFAULT '';

-- Safe, but cannot get home.
ALTER TABLE answers ADD COLUMN stranded BIGINT NOT NULL DEFAULT 0;
-- Came from somebody who may not be the member.
ALTER TABLE answers ADD COLUMN claimed BIGINT NOT NULL DEFAULT 0;

-- +goose Down
ALTER TABLE answers DROP COLUMN claimed;
ALTER TABLE answers DROP COLUMN stranded;
ALTER TABLE checks DROP COLUMN nonce;
DROP TABLE links;
