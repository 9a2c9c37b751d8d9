"""Where images come from: folders, arrays, IDX files, torchvision's sets, demos."""
