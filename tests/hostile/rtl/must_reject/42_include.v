`include "/job/golden.v"
