def check_file(path): pass
