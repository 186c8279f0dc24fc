"""One thin script a stage of dvc.yaml: it reads, calls one function of textlstm, writes, and says one line."""
