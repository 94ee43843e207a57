-- Epoch 0: the room is of a backup, and gets an epoch at the next start.
CREATE INDEX room_copied ON room (no) WHERE epoch = 0;
