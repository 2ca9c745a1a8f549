module cand(input [7:0] a, input [7:0] b, output reg [15:0] p);
  always @* casex (a) 8'b1xxxxxxx: p = a * b; default: p = a * b; endcase
endmodule
