"""What data sets are written in: tables, MATLAB, VOC and COCO files, masks, folders. Needs no torch."""
