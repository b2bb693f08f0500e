"""The gradio viewer: look at the samples of a run, a release or plain JSONL, see why, and review them.

``place`` says what is opened and where its pictures and reviews lie; ``store`` holds its rows in DuckDB; ``filters``
turns what is chosen on the page into SQL; ``pictures`` shows only files of the image folder; ``markup``, ``face`` and
``detail`` draw one sample; ``reviewing`` takes decisions; ``compare`` sets two places side by side; ``app`` is the
page. Everything shown comes from files; nothing but ``reviews.jsonl`` is ever written.
"""
