module cand(input [7:0] a, input [7:0] b, output [15:0] p);
  wire [15:0] q = "/*";
  assign p = a * b; // */
endmodule
