"""Drawing of pages: templates with their filters, small pictures, texts side by side, words for statuses."""
