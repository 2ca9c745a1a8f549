module cand(input [7:0] a, input [7:0] b, output [15:0] p);
  assign p = a[0] ? a * b : 16'bz;
endmodule
