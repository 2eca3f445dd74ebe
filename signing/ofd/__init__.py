"""Documents as OFD (GB/T 33190-2016): written from the rendered PDF, sealed, read strictly, drawn.

    writing.ofd_from_pdf(pdf, title=…, created=…)     the same pages, text and lines, as a package
    sealing.prepare / hole / fill                      what signing.documents does, for a package
    reading.seals_of(package)                          every seal, what it covers, what came after it
    pages.pages_as_png(data, dpi)                      what a person sees before sealing, or a refusal

docs/ofd.md says what is written, what is read, and what is refused.
"""
