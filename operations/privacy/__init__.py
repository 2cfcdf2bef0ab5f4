"""People's rights: erasure and its proof, copies of what is held, who may read which mailbox."""
