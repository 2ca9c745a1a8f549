module cand(input [7:0] a, input [7:0] b, output [15:0] p);
  wire x, y;
  assign x = ~y | a[0];
  assign y = x & b[0];
  assign p = {15'd0, x};
endmodule
